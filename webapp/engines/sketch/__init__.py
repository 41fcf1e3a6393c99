"""Sketch: a rule-based synthesizer. It reads the prompt, arranges a small piece or scene, and renders it.

``prompt`` reads words into a :class:`~webapp.engines.sketch.plan.Plan`; ``arrange`` turns the plan into
notes and drum hits; ``instruments``, ``drums`` and ``textures`` make the sounds; ``render`` mixes them.
"""
