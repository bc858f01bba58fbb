"""The UR5e twin: a process that speaks the controller's protocols and moves a simulated arm."""
