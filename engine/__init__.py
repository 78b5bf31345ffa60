"""Engines: what answers a chat request, behind one small contract."""
