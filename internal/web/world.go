package web

func (w *Web) worldRoutes() {}
