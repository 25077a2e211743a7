package front

import (
	"net/url"
	"strings"
)

// home is where people go who come from nowhere.
const home = "/apps"

// local is the path, with its query, if it is one of this site, and home otherwise.
// Browsers take "//host" and "/\host" for other sites, and leave out control
// characters before they look.
func local(path string) string {
	if !strings.HasPrefix(path, "/") || len(path) > 2048 || strings.ContainsFunc(path, suspicious) {
		return home
	}
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil {
		return home
	}
	if strings.HasPrefix(path, "//") || strings.HasPrefix(u.Path, "//") || strings.HasPrefix(u.Path, "/auth/") {
		return home
	}
	return path
}

func suspicious(c rune) bool { return c <= ' ' || c == '\\' || c == 0x7f || c > 0x7f }
