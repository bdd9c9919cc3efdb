"""Other stream processors on the first job, each written as its own documentation would have it.

They run in an environment of their own and import nothing of gridcast.
"""
