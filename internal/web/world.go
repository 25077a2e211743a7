package web

// worldRoutes registers the pages that are of no single app.
func (w *Web) worldRoutes() {
	w.appsRoutes()
}
