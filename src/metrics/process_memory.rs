//! The memory of this process.

/// The resident set size in bytes, as the kernel counts it.
pub(super) fn resident_memory() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    resident_bytes(&status)
}

fn resident_bytes(status: &str) -> Option<i64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_the_kernel_writes_it() {
        let status = "Name:\tx\nVmHWM:\t  200 kB\nVmRSS:\t   100 kB\n";
        assert_eq!(resident_bytes(status), Some(102_400));
        assert_eq!(resident_bytes("VmRSS: many"), None);
    }
}
