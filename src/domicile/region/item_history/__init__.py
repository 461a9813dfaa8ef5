"""The history of an item: every version that it had, how two of them differ, and the way back to one."""
