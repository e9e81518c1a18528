"""Quick twins of the chapters' ops, for the fast reading: the same functions as lists of bound calls.

A chapter's op names its twin in `fast`; what may follow what, and what is better done in one, it says in `after`.
"""
