"""The run service: what opens, acts on, resumes and forks runs, whatever door asks."""
