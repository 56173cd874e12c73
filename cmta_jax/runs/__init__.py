"""What a run was asked to be (`settings`), and the policies that it trained (`policy`, `loading`)."""
