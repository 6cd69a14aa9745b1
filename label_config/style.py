"""The look of the editor page, in the labeling config's own Style tag.

Label Studio escapes `>`, `<` and `&` in a Style, so no rule here uses them. The rules that hide what a task lacks rest
on Label Studio's own class names and fail open: when a name changes, everything shows.
"""

__all__ = ["STYLE"]

STYLE = """\
.htx-text { white-space: pre-wrap; }
"""
