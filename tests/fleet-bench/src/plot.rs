//! Cost per event over the number of links.

use std::error::Error;

use plotters::prelude::*;

use crate::Figure;

pub(crate) fn write(path: &str, fleet: &[Figure], tasks: &[Figure]) -> Result<(), Box<dyn Error>> {
    let highest = fleet.iter().chain(tasks).map(|figure| figure.nanos).fold(0.0, f64::max);
    let root = SVGBackend::new(path, (720, 440)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("Cost of an event", ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d((900_f64..1_100_000.0).log_scale(), 0.0..highest * 1.1)?;
    chart
        .configure_mesh()
        .x_desc("links (log)")
        .y_desc("ns per event")
        .x_label_formatter(&|links| format!("{links:.0}"))
        .y_label_formatter(&|nanos| format!("{nanos:.0}"))
        .light_line_style(TRANSPARENT)
        .draw()?;
    let curves = [
        ("redial-fleet", fleet, RGBColor(0, 114, 178)),
        ("tokio + backon", tasks, RGBColor(213, 94, 0)),
    ];
    for (name, figures, colour) in curves {
        let points = || figures.iter().map(|figure| (f64::from(figure.links), figure.nanos));
        chart
            .draw_series(LineSeries::new(points(), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
        chart.draw_series(points().map(|point| Circle::new(point, 4, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::MiddleRight)
        .background_style(WHITE)
        .border_style(RGBColor(200, 200, 200))
        .draw()?;
    root.present()?;
    Ok(())
}
