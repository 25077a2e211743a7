package sops

import (
	"bytes"
	"path"
	"regexp"
	"strings"
)

// format is how a file is written.
type format byte

const (
	formatNone format = iota
	formatYAML
	formatJSON
	formatDotenv
	formatINI
	// formatBinary is any content, in a JSON envelope while it is encrypted.
	formatBinary
)

// formatFor is what the decrypted content of a name is written in.
func formatFor(name string) format {
	switch ext := path.Ext(name); {
	case strings.HasSuffix(name, ".dockerconfigjson"), ext == ".json":
		return formatJSON
	case ext == ".yaml", ext == ".yml":
		return formatYAML
	case ext == ".env":
		return formatDotenv
	case ext == ".ini":
		return formatINI
	}
	return formatBinary
}

var (
	dotenvMark = regexp.MustCompile(`(?m)^sops_mac=ENC\[`)
	iniMark    = regexp.MustCompile(`(?m)^\[sops\][ \t]*\r?$`)
	yamlMark   = regexp.MustCompile(`(?m)^["']?sops["']?[ \t]*:`)
)

// guess is the format that content seems to be encrypted in; formatNone if it
// shows no sign of SOPS. It is quick for most files.
func guess(data []byte) format {
	if !bytes.Contains(data, []byte("sops")) || !bytes.Contains(data, []byte("ENC[")) {
		return formatNone
	}
	switch {
	case bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")):
		return formatJSON
	case dotenvMark.Match(data):
		return formatDotenv
	case iniMark.Match(data):
		return formatINI
	case yamlMark.Match(data):
		return formatYAML
	}
	return formatNone
}

// emit writes a tree. Comments are left out.
func emit(b branch, to format) ([]byte, error) {
	switch to {
	case formatJSON:
		return emitJSON(b)
	case formatDotenv:
		return emitDotenv(b)
	case formatINI:
		return emitINI(b)
	case formatBinary:
		if s, ok := b.field("data").(string); ok {
			return []byte(s), nil
		}
		return emitJSON(b)
	}
	return emitYAML(b)
}
