"""GPU launch plans: one per operation, the same for every library that can start a kernel."""
