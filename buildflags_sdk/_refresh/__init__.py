"""PURE. When to ask for the ruleset, and what to do with the answer: a state machine that is told the moment and the dice.

`machine` decides; `events` is the language it is spoken to in; `facts` what it knows; `polling` its intervals; `answers`,
`order`, `shelf` and `failing` judge an answer, the order of rulesets, pages and failures; `endings` how a refresh ends.
"""
