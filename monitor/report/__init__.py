"""What people and programs read: document, metrics, alerts, text, incident report. Values in, bytes and text out."""
