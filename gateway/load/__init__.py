"""The load generator behind `qwen-vl bench`: asks any server that speaks OpenAI's or the task API,
and measures what its users would feel. Imports nothing of the server."""
