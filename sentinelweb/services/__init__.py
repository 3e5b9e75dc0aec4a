"""Every write and every transaction. Blueprints, tasks and commands call these."""
