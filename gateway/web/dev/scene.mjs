// Draws what a gate camera sees, for the stand-in gate of the page's development: a lane, a car, a
// plate. All numbers are invented; no real picture is used.

export const WIDTH = 1280;
export const HEIGHT = 720;

const PAINTS = ['#8f2f2b', '#30465c', '#c9ccd0', '#2e3133', '#e8e6df', '#3c5c49', '#9aa6b2'];
const PLATE_GROUND = {
  blue: '#1546a5',
  yellow: '#eeb010',
  green: '#79cf9d',
  yellow_green: '#58bd80',
  white: '#f4f4f1',
  black: '#17181a',
};

/** The scene as SVG, and where the plate is in it: [left, top, right, bottom]. */
export function drawScene(random, plate) {
  const paint = PAINTS[Math.floor(random() * PAINTS.length)];
  const x = 470 + Math.floor(random() * 160);
  const y = 250 + Math.floor(random() * 60);
  const scale = 0.9 + random() * 0.25;
  const wide = [...plate.text].length > 7;
  const plateWidth = (wide ? 110 : 101) * scale;
  const plateHeight = 32 * scale;
  const left = x + 210 * scale - plateWidth / 2;
  const top = y + 235 * scale;
  const box = [left, top, left + plateWidth, top + plateHeight].map(Math.round);
  return { svg: sceneSvg({ paint, x, y, scale, plate, left, top, plateWidth, plateHeight, dusk: random() < 0.3 }), box };
}

function sceneSvg({ paint, x, y, scale, plate, left, top, plateWidth, plateHeight, dusk }) {
  const ink = ['blue', 'black'].includes(plate.colour) ? '#fff' : '#111';
  const text = [...plate.text];
  const spelled = `${text.slice(0, 2).join('')}·${text.slice(2).join('')}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}">
<defs><linearGradient id="s" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="${dusk ? '#4a5666' : '#aebfce'}"/><stop offset="1" stop-color="${dusk ? '#8a8478' : '#dde3e6'}"/></linearGradient></defs>
<rect width="1280" height="330" fill="url(#s)"/>
<path d="M0 120h330v210H0zM910 90h370v240H910z" fill="${dusk ? '#565b60' : '#b9b4a8'}"/>
${windows(30, 150, dusk)}${windows(950, 130, dusk)}
<path d="M0 330h1280v390H0z" fill="${dusk ? '#4a4d50' : '#7d8287'}"/>
<path d="M330 330L80 720h1120L950 330z" fill="${dusk ? '#3b3e42' : '#62676c'}"/>
<path d="M330 330L80 720M950 330l250 390" stroke="#e9e4cf" stroke-width="8"/>
<rect x="1010" y="300" width="46" height="190" rx="6" fill="#e5e7e9" stroke="#333" stroke-width="3"/>
<rect x="1000" y="300" width="30" height="26" fill="#c22"/>
<g transform="translate(${x} ${y}) scale(${scale})">
<ellipse cx="210" cy="322" rx="235" ry="30" fill="#000" opacity=".35"/>
<path d="M70 120l42-92c8-16 22-26 42-26h112c20 0 34 10 42 26l42 92z" fill="${paint}"/>
<path d="M100 112l32-74c6-10 14-16 26-16h104c12 0 20 6 26 16l32 74z" fill="#28323c"/>
<path d="M28 150c4-22 22-34 46-36h272c24 2 42 14 46 36l8 120c0 22-12 34-34 34H54c-22 0-34-12-34-34z" fill="${paint}"/>
<path d="M120 168h180l-12 40H132z" fill="#14181c"/>
<path d="M44 160l66 10-14 40-56-8zM376 160l-66 10 14 40 56-8z" fill="#f5f2dc"/>
<path d="M24 226h372v56H24z" fill="#1d2226"/>
<rect x="34" y="296" width="70" height="34" rx="10" fill="#111"/><rect x="316" y="296" width="70" height="34" rx="10" fill="#111"/>
</g>
<rect x="${left}" y="${top}" width="${plateWidth}" height="${plateHeight}" rx="4" fill="${PLATE_GROUND[plate.colour] ?? '#ccc'}" stroke="#f0f0f0" stroke-width="1.5"/>
<text x="${left + plateWidth / 2}" y="${top + plateHeight * 0.77}" text-anchor="middle" font-family="Noto Sans CJK SC, sans-serif" font-weight="700" font-size="${plateHeight * 0.72}" textLength="${plateWidth * 0.9}" lengthAdjust="spacingAndGlyphs" fill="${ink}">${spelled}</text>
<text x="24" y="44" font-family="monospace" font-size="28" fill="#fff" stroke="#000" stroke-width=".6">CAM ${dusk ? 'DUSK' : 'DAY'}</text>
</svg>`;
}

function windows(x, y, dusk) {
  const glass = dusk ? '#d9b76a' : '#7f8f9c';
  let drawn = '';
  for (let row = 0; row < 2; row += 1) {
    for (let column = 0; column < 5; column += 1) {
      drawn += `<rect x="${x + column * 56}" y="${y + row * 76}" width="34" height="44" fill="${(row + column) % 3 ? glass : '#66717a'}"/>`;
    }
  }
  return drawn;
}
