// `load.js PORT MS REQUEST`: sends one request again and again, and prints how many answers came.
import { askForMs } from '../instance/closed-loop.ts'

const [port, duration, request = ''] = process.argv.slice(2)
const bytes = Buffer.from(request, 'latin1')
askForMs(Number(port), Number(duration), () => bytes)
