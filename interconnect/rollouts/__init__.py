"""Rollouts: steps under leases, carried out on clusters by any number of workers that may die at any time."""
