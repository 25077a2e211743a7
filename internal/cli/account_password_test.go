package cli

import (
	"strings"
	"testing"
)

// TestUpdatePassword asks for the current password unless it is forgotten; passwords are
// printed nowhere, and nothing is written of an attempt that is refused.
func TestUpdatePassword(t *testing.T) {
	for name, tt := range map[string]struct {
		args  []string
		stdin string
		// key holds want afterwards; said is what is told.
		key, want, said string
		fails           bool
	}{
		"admin":          {[]string{"--password-stdin"}, "correct\nbattery\n", "admin", "battery", "The password of admin is changed", false},
		"another":        {[]string{"--account", "bob", "--password-stdin"}, "correct\nbattery", "bob", "battery", "The password of bob is changed", false},
		"forgotten":      {[]string{"--forgotten", "--password-stdin"}, "battery\n", "admin", "without being asked: battery", "is changed", false},
		"a wrong one":    {[]string{"--password-stdin"}, "guess\nbattery\n", "admin", "", "wrong name or password", true},
		"none":           {[]string{"--password-stdin"}, "correct\n", "admin", "", "a password is empty", true},
		"nobody to ask":  {nil, "correct\nbattery\n", "admin", "", "--password-stdin", true},
		"as an argument": {[]string{"battery"}, "", "admin", "", "takes no arguments", true},
		"with no Secret": {[]string{"--password-stdin", "--argocd-namespace", "other"}, "correct\nbattery\n", "admin", "", "no Secret argocd-secret", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &secretServer{data: map[string]string{"server.secretkey": "k"}}
			out, errs, err := runAccount(t, s, tt.stdin, append([]string{"update-password"}, tt.args...)...)
			said := out + errs
			if err != nil {
				said += err.Error()
			}
			if (err != nil) != tt.fails || !strings.Contains(said, tt.said) {
				t.Errorf("%v: %s", err, said)
			}
			if s.data[tt.key] != tt.want || s.data["server.secretkey"] != "k" {
				t.Errorf("the Secret is %v, want %s: %q", s.data, tt.key, tt.want)
			}
			if name != "as an argument" && (strings.Contains(said, "battery") || strings.Contains(said, "correct")) {
				t.Errorf("a password is printed: %s", said)
			}
		})
	}
}
