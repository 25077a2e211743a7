package sandbox

import (
	"fmt"
	"os"
	"testing"
)

// The test binary is also the processes that the tests confine.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "confined":
			os.Exit(confined(os.Args[2]))
		case "half":
			os.Exit(half(os.Args[2], os.Args[3]))
		case "sandbox-exec":
			fmt.Fprintln(os.Stderr, ExecMain())
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}
