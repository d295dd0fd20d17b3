// The look of the page, from what everything stands on to what stands out.
import "./page.css";
import "./parts.css";
import "./forms.css";
import "./ahead.css";
import "./time.css";
import "./room.css";
