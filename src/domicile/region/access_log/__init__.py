"""The access log: every change that bears on who may do what, numbered in commit order; all copies follow it."""
