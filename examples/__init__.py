"""Traces with mistakes, what two annotators made of them, and the options for it: what `ls-trajedit demo` shows."""
