"""Figures, one file each: `make bench` prints them as a table with what they are to beat beside them."""
