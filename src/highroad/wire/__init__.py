"""The schemas that the API and its client share: what travels, as pydantic models.

Bodies that come in forbid unknown fields and leave judgement of values to the model, so that every finding can be
reported at once; times are RFC 3339 with a zone.
"""
