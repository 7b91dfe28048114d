/** Whether answers of a status have no body (RFC 9110 sections 15.3.5 and 15.4.5). */
export const isBodyless = (status: number): boolean => status === 204 || status === 304
