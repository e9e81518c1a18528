"""What laboratories work out, below the window: each on the project that is on the desk."""
