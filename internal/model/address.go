package model

import "strings"

// WithoutUser is an address without what may be credentials: the user, but of ssh its
// password alone. What is no address stays as it is.
func WithoutUser(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok || strings.ContainsAny(scheme, " \t\r\n") {
		return address
	}
	host, path, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(host, '@'); at >= 0 && scheme != "ssh" {
		host = host[at+1:]
	} else if user, pass, has := strings.Cut(host[:max(at, 0)], ":"); has && pass != "" {
		host = user + host[at:]
	}
	if path == "" {
		return scheme + "://" + host
	}
	return scheme + "://" + host + "/" + path
}

// HideUsers takes what may be credentials out of all addresses in an object that
// declares an app, of values that are nothing but an address. It changes the object.
func HideUsers(in any) {
	switch v := in.(type) {
	case map[string]any:
		for key, value := range v {
			if text, is := value.(string); is {
				v[key] = withoutUser(text)
			} else {
				HideUsers(value)
			}
		}
	case []any:
		for i, value := range v {
			if text, is := value.(string); is {
				v[i] = withoutUser(text)
			} else {
				HideUsers(value)
			}
		}
	}
}

func withoutUser(text string) string {
	if strings.ContainsAny(text, " \t\r\n") || !strings.Contains(text, "@") {
		return text
	}
	return WithoutUser(text)
}
