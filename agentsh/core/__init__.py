"""The words of agentsh: actions, effects, change sets, limits, errors. Standard library only.

Every other layer speaks in these types, so this package imports none of them.
"""
