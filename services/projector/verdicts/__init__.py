"""Person or machine: what we believe of an interaction, and the rule that says so. Pure.

Read:  agent, rules
"""
