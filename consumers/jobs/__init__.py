"""Jobs that outlive who asked for them: asked for, looked at, cancelled; run by `gridcast schedule`."""
