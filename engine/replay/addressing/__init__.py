"""Addresses of values in past states: reading them, looking them up, and which event set one."""
