with

predictions as (

    select * from {{ ref('stg_ml__predictions') }}

),

prediction_reasons as (

    select * from {{ ref('stg_ml__prediction_reasons') }}

),

company_attributes as (

    select * from {{ ref('int_company_attributes') }}

),

to_predict as (

    select * from {{ ref('to_predict') }}

),

horizon as (

    select snapshot_month from {{ ref('int_horizon') }}

),

by_company as (

    select
        predictions.score_month,
        predictions.company_number,
        max(case when predictions.model_name = 'precision' then predictions.run_id end) as run_id,
        max(case when predictions.model_name = 'recall' then predictions.run_id end) as recall_run_id,
        max(case when predictions.model_name = 'precision' then predictions.probability end) as precision_probability,
        max(case when predictions.model_name = 'precision' then predictions.score end) as precision_score,
        max(case when predictions.model_name = 'precision' then predictions.prediction_rank end) as precision_rank,
        max(case when predictions.model_name = 'recall' then predictions.probability end) as recall_probability,
        max(case when predictions.model_name = 'recall' then predictions.score end) as recall_score,
        max(case when predictions.model_name = 'recall' then predictions.prediction_rank end) as recall_rank
    from predictions
    inner join horizon
        on predictions.score_month = horizon.snapshot_month
    group by predictions.score_month, predictions.company_number

),

reasons as (

    select
        score_month,
        run_id,
        company_number,
        model_name,
        max(case when reason_rank = 1 then reason end) as reason_1,
        max(case when reason_rank = 2 then reason end) as reason_2,
        max(case when reason_rank = 3 then reason end) as reason_3
    from prediction_reasons
    group by score_month, run_id, company_number, model_name

),

final as (

    select
        row_number() over (
            order by
                by_company.precision_rank,
                by_company.recall_rank,
                by_company.company_number
        ) as lead_rank,
        by_company.company_number,
        company_attributes.company_name,
        company_attributes.sic_section_name as sector,
        company_attributes.region,
        to_predict.accounts_date,
        by_company.precision_probability,
        by_company.precision_score,
        by_company.precision_rank,
        by_company.recall_probability,
        by_company.recall_score,
        by_company.recall_rank,
        coalesce(precision_reasons.reason_1, recall_reasons.reason_1) as reason_1,
        coalesce(precision_reasons.reason_2, recall_reasons.reason_2) as reason_2,
        coalesce(precision_reasons.reason_3, recall_reasons.reason_3) as reason_3,
        by_company.score_month,
        by_company.run_id,
        by_company.recall_run_id
    from by_company
    inner join to_predict
        on by_company.company_number = to_predict.company_number
    inner join company_attributes
        on by_company.company_number = company_attributes.company_number
    left join reasons as precision_reasons
        on
            by_company.score_month = precision_reasons.score_month
            and by_company.run_id = precision_reasons.run_id
            and by_company.company_number = precision_reasons.company_number
            and precision_reasons.model_name = 'precision'
    left join reasons as recall_reasons
        on
            by_company.score_month = recall_reasons.score_month
            and by_company.recall_run_id = recall_reasons.run_id
            and by_company.company_number = recall_reasons.company_number
            and recall_reasons.model_name = 'recall'

)

select * from final
order by lead_rank
