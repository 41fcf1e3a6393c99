"""The queue's rules: who goes next, what a skip costs, when a job starts, what its state allows."""
