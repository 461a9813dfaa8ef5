"""The membership index: what a person must see to recognise their accounts before any region is entered."""
