"""Reports: tables of the warehouse as self-contained pages with pictures, and the same figures as CSV beside them.

A report reads, draws and writes: sums are SQL's, and nothing is fitted, scored or evaluated here.
"""
