//! Keys of a keyboard.

use serde_json::{Value, json};

/// A key that does something else than to write a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// To the next control.
    Tab,
    /// To the control before: Tab with Shift.
    BackTab,
    /// Follows a link, submits a form.
    Enter,
    /// Presses a button.
    Space,
    /// To the next choice.
    Down,
}

impl Key {
    /// The two events of a stroke, as `Input.dispatchKeyEvent` takes them.
    pub(super) fn events(self) -> [Value; 2] {
        let (key, code, number, text) = match self {
            Key::Tab | Key::BackTab => ("Tab", "Tab", 9, ""),
            Key::Enter => ("Enter", "Enter", 13, "\r"),
            Key::Space => (" ", "Space", 32, " "),
            Key::Down => ("ArrowDown", "ArrowDown", 40, ""),
        };
        let shift = if self == Key::BackTab { 8 } else { 0 };
        let event = |kind: &str| {
            json!({
                "type": kind, "key": key, "code": code, "modifiers": shift,
                "windowsVirtualKeyCode": number, "nativeVirtualKeyCode": number,
            })
        };
        let mut down = event("rawKeyDown");
        if !text.is_empty() {
            down["type"] = json!("keyDown");
            down["text"] = json!(text);
        }
        [down, event("keyUp")]
    }
}
