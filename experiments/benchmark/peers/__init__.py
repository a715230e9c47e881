"""Who is compared with this project, and how their time is taken."""
