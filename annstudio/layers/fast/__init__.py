"""Quick twins of the chapters' ops, for the fast reading: the same functions as lists of bound calls.

Each module registers the twins of one chapter, and what is done better in one step or in another order.
"""
