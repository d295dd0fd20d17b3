"""Where what was acknowledged is kept: SQLAlchemy Core on SQLite, or on PostgreSQL by one URL.

Read `tables`, then `store`, then `engines` for what differs between the two.
Values are kept as JSON documents beside the columns that are searched by.
"""
