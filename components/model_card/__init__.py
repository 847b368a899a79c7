"""The model card (Mitchell et al., Model Cards for Model Reporting, 2019): its content, and its Markdown and HTML."""
