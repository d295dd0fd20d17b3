"""`python -m highroad.main` is `highroad`."""

from highroad.main import run

if __name__ == "__main__":
    run()
