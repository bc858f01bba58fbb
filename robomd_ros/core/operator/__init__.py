"""The person beside a cell: what is asked, which answers count, how much work is left."""
