//! Whether a program is static, that is, needs no loader and no library. No I/O.

/// The type of the program header that names a loader (`PT_INTERP`).
const INTERPRETER: u32 = 3;
/// Offsets in the header of a 64-bit file: the offset, size and number of its program headers.
const TABLE: usize = 32;
const ENTRY_SIZE: usize = 54;
const ENTRIES: usize = 56;

/// Whether the program needs only the kernel.
///
/// # Errors
/// If it is not a 64-bit little-endian ELF file.
pub fn is_static(program: &[u8]) -> Result<bool, &'static str> {
    if !program.starts_with(b"\x7fELF\x02\x01") {
        return Err("it is not a 64-bit little-endian ELF file");
    }
    let short = "its header is cut off";
    let table = number(program, TABLE, 8).ok_or(short)?;
    let size = number(program, ENTRY_SIZE, 2).ok_or(short)?;
    let entries = number(program, ENTRIES, 2).ok_or(short)?;
    for entry in 0..entries {
        let kind = number(program, table + entry * size, 4).ok_or(short)?;
        if kind == INTERPRETER as usize {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The little-endian number of `size` bytes at this offset.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(size)?)?;
    let add = |sum: usize, byte: &u8| (sum << 8) | usize::from(*byte);
    Some(bytes.iter().rev().fold(0, add))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with one program header of this type.
    fn program(kind: u8) -> Vec<u8> {
        let mut bytes = vec![0; 128];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[TABLE] = 64;
        bytes[ENTRY_SIZE] = 56;
        bytes[ENTRIES] = 1;
        bytes[64] = kind;
        bytes
    }

    #[test]
    fn a_program_that_names_a_loader_is_not_static() {
        assert_eq!(is_static(&program(1)), Ok(true));
        assert_eq!(is_static(&program(3)), Ok(false));
        assert!(is_static(b"#!/bin/sh").is_err());
        assert!(is_static(&program(1)[..60]).is_err());
    }

    #[test]
    fn this_test_itself_is_not_static() {
        let this = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(is_static(&this), Ok(false));
    }
}
