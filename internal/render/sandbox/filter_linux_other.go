//go:build linux && !amd64 && !arm64

package sandbox

// auditArch is unknown: there is no table of this architecture's calls.
const auditArch = 0

func computingFilter() program         { return nil }
func commandFilter(bool, bool) program { return nil }
func (p program) install() error       { return nil }
func hasFilter() bool                  { return false }
