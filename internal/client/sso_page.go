package client

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
)

// page is what the browser shows at the end.
type page struct{ Title, Text string }

var (
	pageGood     = page{"Back to the command line", "Your provider has confirmed who you are. You can close this window: the command goes on."}
	pageDeclined = page{"Not signed in", "Your provider did not confirm who you are. You can close this window: the command says more."}
	pageStale    = page{"Nothing to do here", "This is not what the command waits for. Open the address that it has printed last."}
)

const pageStyle = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:20vh auto;padding:0 1.5rem;text-align:center}h1{font-size:1.4rem}`

// pageShape has no script; its style is the one that its policy names.
var pageShape = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Title}} · Fixpoint</title><link rel="icon" href="data:,"><style>` + pageStyle + `</style></head>
<body><main><h1>{{.Title}}</h1><p>{{.Text}}</p></main></body></html>
`))

func tellBrowser(w http.ResponseWriter, status int, p page) {
	sum := sha256.Sum256([]byte(pageStyle))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // the address has the code
	h.Set("Cache-Control", "no-store")
	h.Set("Connection", "close")
	w.WriteHeader(status)
	_ = pageShape.Execute(w, p) // the browser may have gone
}
