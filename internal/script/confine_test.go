package script

import (
	"runtime"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox"
)

// TestConfined: with all libraries a script reaches no file, no process, and not
// its own pipes.
func TestConfined(t *testing.T) {
	if runtime.GOOS != "linux" || !sandbox.Available().Full() {
		t.Skip("this machine can't confine processes")
	}
	p := newPool(t, patient)
	h, err := p.Health(t.Context(), `
		local said = {}
		local function try(name, f, ...)
			local ok, v, err = pcall(f, ...)
			said[#said + 1] = name .. "=" .. tostring(ok and v ~= nil) .. " " .. tostring(err or v)
		end
		try("passwd", io.open, "/etc/passwd")
		try("self", io.open, "/proc/self/environ")
		try("pipe", io.open, "/proc/self/fd/4", "w")
		try("write", io.open, "/tmp/script-was-here", "w")
		try("lines", io.lines, "/etc/passwd")
		try("popen", io.popen, "true")
		try("tmpfile", io.tmpfile)
		try("require", require, "/etc/passwd")
		return {status = "Healthy", message = table.concat(said, "\n")}`, true, widget)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(h.Message, "=true") || strings.Count(h.Message, "=false") != 8 {
		t.Errorf("something works:\n%s", h.Message)
	}
}

// TestInput: standard input and output are nobody's.
func TestInput(t *testing.T) {
	if !sandbox.Available().Full() {
		t.Skip("this machine can't confine processes: there is no io")
	}
	p := newPool(t, patient)
	h, err := p.Health(t.Context(), `
		io.write("to standard output")
		print("more")
		return {status = "Healthy", message = tostring(io.read("*l"))}`, true, widget)
	if err != nil || h.Message != "nil" {
		t.Errorf("%v, %v", h, err)
	}
}
