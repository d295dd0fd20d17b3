"""OpenID Connect: the tokens of an identity provider, checked by what that publishes, are good at the API.

Read `provider` for what is asked of it and what is checked, `mapping` for what its groups may do here, `signin` for how
the page sends somebody there and back.
"""
