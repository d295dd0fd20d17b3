"""Where what was acknowledged is kept: SQLAlchemy Core on SQLite now, PostgreSQL by one URL later.

Read `tables`, then `store`. Values are kept as JSON documents beside the columns that are searched by.
"""
